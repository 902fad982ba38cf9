"""Map the three rooms of the checkout onto one import name: zoo, zoo.common, zoo.models."""

import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOTS = {"zoo": "zoo", "zoo.common": "common", "zoo.models": "models"}


class CleanBuild(build_py):
    """Build from an empty folder, so that a deleted module never ships, and put the registry inside the package."""

    def run(self) -> None:
        if not self.editable_mode:
            shutil.rmtree(Path(self.build_lib) / "zoo", ignore_errors=True)
        super().run()
        if not self.editable_mode:
            shutil.copyfile("registry.yaml", Path(self.build_lib) / "zoo" / "registry.yaml")


packages = [name for root, folder in ROOTS.items() for name in (root, *(f"{root}.{p}" for p in find_packages(folder)))]
data = {
    "zoo": ["py.typed"],
    "zoo.serve": ["page/*", "page/*/*"],
    **{name: ["*.md", "*.png", "*.json"] for name in packages if name.startswith("zoo.models.")},
}
setup(
    package_dir=ROOTS,
    packages=packages,
    package_data=data,
    include_package_data=False,
    cmdclass={"build_py": CleanBuild},
)
