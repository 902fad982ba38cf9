"""Uploads the trained weights and a card to a model hub, and checks what arrived."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from zoo.common.errors import CheckpointError
from zoo.registry import Checkpoint, Entry, load_registry
from zoo.weights.hub import LIBRARY, Wanted, difference, fetch, first_line
from zoo.weights.places import endpoint

FRONT_MATTER = """---
license: apache-2.0
library_name: {library}
tags:
{tags}
---
"""
INTRODUCTION = """
# Weights of openmedia-zoo

Medical-imaging models that run in PyTorch and in MindSpore from the same file: safetensors under PyTorch's parameter
names, the configuration in the metadata. `pip install openmedia-zoo[torch]`, then

```python
import zoo

model = zoo.load("{first}")
```

The figures were measured on the test split of the data set, with these very files, in the framework of the column.
Not a medical device: for research only.

"""


@dataclass(frozen=True)
class Published:
    """What stands on the hub now, read back and compared."""

    repository: str
    commit: str
    files: tuple[str, ...]


def publish(repository: str, *, root: Path | str) -> Published:
    """Upload every registered checkpoint with its log, and a card, in one commit; download them again and compare.

    repository: "owner/name", made if it is not there. root: a checkout, with registry.yaml and checkpoints/.
    Nothing is uploaded unless every file is there and has its registered sum.
    """
    from huggingface_hub import CommitOperationAdd, HfApi

    root = Path(root)
    entries = load_registry(root / "registry.yaml")
    files = _checked_files(entries, root / "checkpoints")
    operations = [CommitOperationAdd(path_in_repo=name, path_or_fileobj=path) for name, path in files.items()]
    operations.append(CommitOperationAdd(path_in_repo="README.md", path_or_fileobj=hub_card(entries).encode()))
    api = HfApi(endpoint=endpoint(), library_name=LIBRARY)
    try:
        api.create_repo(repository, exist_ok=True)
        commit = api.create_commit(repository, operations, commit_message=f"Publish {len(files)} files")
    except Exception as error:  # whatever the client's HTTP library raises
        raise CheckpointError(
            f"{repository}: the hub refused the upload: {first_line(error)}\n"
            "  remedy: log in with a token that may write there (HF_TOKEN, or `hf auth login`)"
        ) from error
    _read_back(repository, entries)
    return Published(repository, commit.oid, tuple(files))


def hub_card(entries: dict[str, Entry]) -> str:
    """Write the README of the hub repository: front matter and one line per checkpoint."""
    trained = {name: entry for name, entry in entries.items() if entry.checkpoints}
    tags = sorted({"medical-imaging", "pytorch", "mindspore", *(e.task for e in trained.values())})
    head = FRONT_MATTER.format(library=LIBRARY, tags="\n".join(f"- {tag}" for tag in tags))
    rows = [_row(entry, checkpoint) for entry in trained.values() for checkpoint in entry.checkpoints.values()]
    titles = "| algorithm | checkpoint | task | trained on (licence) | PyTorch | MindSpore | MB | SHA-256 |"
    table = [titles, "|" + "---|" * (titles.count("|") - 1), *rows]
    return head + INTRODUCTION.format(first=next(iter(trained), "EllipseNet")) + "\n".join(table) + "\n"


def _row(entry: Entry, checkpoint: Checkpoint) -> str:
    data = f"{checkpoint.dataset.name} ({checkpoint.dataset.licence})"
    figures = [
        ", ".join(f"{metric} {value:.4g}" for metric, value in checkpoint.metrics.get(framework, {}).items()) or "-"
        for framework in ("torch", "mindspore")
    ]
    name = f"{checkpoint.name}{' (default)' if checkpoint.default else ''}"
    size = f"{checkpoint.bytes / 1e6:.1f}"
    return f"| {' | '.join([entry.name, name, entry.task, data, *figures, size, f'`{checkpoint.sha256}`'])} |"


def _checked_files(entries: dict[str, Entry], folder: Path) -> dict[str, Path]:
    """Map names on the hub to files here; refuse when one is missing or is not the registered one."""
    files = {}
    for entry in entries.values():
        for checkpoint in entry.checkpoints.values():
            for name in (checkpoint.file, checkpoint.log):
                if not (folder / name).is_file():
                    raise CheckpointError(
                        f"{entry.name}/{checkpoint.name}: {folder / name} is missing; train or fetch it"
                    )
                files[name] = folder / name
            wanted = Wanted("", checkpoint.file, checkpoint.sha256, checkpoint.bytes)
            if problem := difference(folder / checkpoint.file, wanted):
                raise CheckpointError(
                    f"{folder / checkpoint.file}: {problem}; registered are {checkpoint.bytes} bytes, "
                    f"sha256 {checkpoint.sha256}; correct the registry or the file"
                )
    if not files:
        raise CheckpointError(f"{folder}: the registry names no checkpoint; there is nothing to publish")
    return files


def _read_back(repository: str, entries: dict[str, Entry]) -> None:
    for entry in entries.values():
        for checkpoint in entry.checkpoints.values():
            wanted = Wanted(repository, checkpoint.file, checkpoint.sha256, checkpoint.bytes)
            with tempfile.TemporaryDirectory() as folder:
                try:
                    fetch(wanted, Path(folder), Path(folder).joinpath, endpoint())
                except CheckpointError as error:
                    title = f"{repository}: {checkpoint.file} was uploaded but does not come back right"
                    raise CheckpointError(f"{title}; publish again.\n{error}") from error
