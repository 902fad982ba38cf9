"""Map the three rooms of the checkout onto one import name: zoo, zoo.common, zoo.models."""

import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOTS = {"zoo": "zoo", "zoo.common": "common", "zoo.models": "models"}


class BuildWithRegistry(build_py):
    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib) / "zoo" / "registry.yaml"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile("registry.yaml", target)


packages = [name for root, folder in ROOTS.items() for name in (root, *(f"{root}.{p}" for p in find_packages(folder)))]
setup(package_dir=ROOTS, packages=packages, cmdclass={"build_py": BuildWithRegistry})
