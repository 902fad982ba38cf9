#!/usr/bin/env bash
# Every measured speed of docs/benchmarks.md in one command; about 30 minutes on two free cores.
set -euo pipefail
cd "$(dirname "$0")/.."
python="${VENV:-.venv}/bin/python"
export OMP_NUM_THREADS=1

"$python" ci/bench_interface.py
"$python" ci/bench_common_torch.py
"$python" ci/bench_volumes_torch.py
"$python" ci/bench_io.py
"$python" ci/bench_boxes.py
"$python" ci/bench_phases.py WeaklyLesionLocalisation
"$python" ci/bench_phases.py WeaklyLesionLocalisation --backend mindspore
"$python" ci/bench_volume_torch.py --answers 20                         # a whole CT: memory, time around the network
"$python" ci/bench_volume_torch.py --size 80 112 80 --repeats 3         # the network on every window: time, masks
"$python" ci/bench_waiting_torch.py                                   # overlays, a folder, windows, 200^3 beside MONAI: 8 minutes
"$python" ci/bench_runtimes.py                                         # OpenVINO and ONNX Runtime beside PyTorch
"$python" ci/bench_methods.py                                          # steps of methods beside their passes
