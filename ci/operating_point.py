"""Choose anew what only postprocessing reads of a shipped checkpoint, on the validation split, and score the test once.

    python ci/operating_point.py CD-Net dsb2018-small --data DATA separation=components,watershed least_px=20,30

Every combination is scored on the validation split in PyTorch; the best by the algorithm's own monitor goes into the
header (the arrays stay), and the choice, what was tried and the test figures are appended to the log, whose records
stay. The figures in registry.yaml are entered by hand, those of MindSpore with `zoo evaluate`.
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
import json
from itertools import product
from pathlib import Path
from typing import Any

from add_scope import ROOT, rewrite_header

import zoo


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("checkpoint")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("fields", nargs="+", metavar="FIELD=VALUE,VALUE")
    arguments = parser.parse_args()
    checkpoint = zoo.info(arguments.name).checkpoint(arguments.checkpoint)
    model = zoo.load(arguments.name, backend="torch", checkpoint=ROOT / "checkpoints" / checkpoint.file)
    unknown = {field.partition("=")[0] for field in arguments.fields} - set(model.algorithm.prediction_options)
    if unknown:
        raise SystemExit(f"{', '.join(sorted(unknown))}: no option of a prediction")
    tried = _tried(model, _combinations(arguments.fields), arguments.data)
    best = max(tried, key=lambda one: one["score"])
    chosen = {name: value for name, value in best.items() if name != "score"}
    model.algorithm = _with(model, chosen)
    test = model.evaluate(arguments.data, split="test")
    log = ROOT / "checkpoints" / checkpoint.log
    last = json.loads(log.read_text(encoding="utf-8").splitlines()[-1])
    records = (
        {"event": "operating_point", **chosen, "monitor": model.algorithm.monitor, "tried": tried},
        {"event": "end", "best_epoch": last["best_epoch"], "test": test.to_dict()},
    )
    with log.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(record) + "\n" for record in records)
    rewrite_header(checkpoint, {"config": dataclasses.asdict(model.config)})
    print(test)


def _combinations(fields: list[str]) -> list[dict[str, Any]]:
    names, values = zip(*(field.split("=") for field in fields), strict=True)
    found = product(*([_value(text) for text in part.split(",")] for part in values))
    return [dict(zip(names, combination, strict=True)) for combination in found]


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _tried(model: zoo.Model, combinations: list[dict[str, Any]], data: Path) -> list[dict[str, Any]]:
    """Score the validation split with every combination; the network runs once."""
    algorithms = [_with(model, values) for values in combinations]
    answers: dict[str, list[Any]] = {}
    cases: list[list[Any]] = [[] for _ in algorithms]
    listening = copy.copy(model.algorithm)

    def postprocess(outputs: Any, image: Any) -> Any:
        answers[image.name] = [algorithm.postprocess(outputs, image) for algorithm in algorithms]
        return answers[image.name][0]

    def score(prediction: Any, sample: Any) -> Any:
        for algorithm, answer, own in zip(algorithms, answers.pop(prediction.name), cases, strict=True):
            own.append(algorithm.score(answer, sample))
        return cases[0][-1]

    listening.postprocess, listening.score = postprocess, score  # type: ignore[method-assign]
    own, model.algorithm = model.algorithm, listening
    model.evaluate(data, split="val", baseline=False)
    model.algorithm = own
    scores = (algorithm.summarise(found)[own.monitor] for algorithm, found in zip(algorithms, cases, strict=True))
    tried = [{**values, "score": score} for values, score in zip(combinations, scores, strict=True)]
    print(*tried, sep="\n", flush=True)
    return tried


def _with(model: zoo.Model, values: dict[str, Any]) -> Any:
    return model.algorithm.with_config(dataclasses.replace(model.config, **values))


if __name__ == "__main__":
    main()
