# `zoo serve` on a CPU: docker build -t zoo --build-arg FRAMEWORK=torch|mindspore . && docker run -p 127.0.0.1:8000:8000 zoo
ARG PYTHON=3.11

FROM python:${PYTHON}-slim AS build
ARG FRAMEWORK=torch
# PyTorch's own index has wheels for CPUs, a tenth of the size of those with CUDA
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
WORKDIR /src
COPY . .
RUN python -m venv /opt/zoo \
 && /opt/zoo/bin/pip install --no-cache-dir --extra-index-url "${TORCH_INDEX}" -c ci/constraints.txt \
    ".[serve,dicom,${FRAMEWORK}]"

FROM python:${PYTHON}-slim
# the version of libgomp1 is that of the base image's Debian; one that is pinned is gone with the next point release
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --create-home zoo
COPY --from=build /opt/zoo /opt/zoo
COPY checkpoints /opt/checkpoints
ENV PATH=/opt/zoo/bin:$PATH ZOO_CHECKPOINTS=/opt/checkpoints HF_HUB_OFFLINE=1
USER 10001
WORKDIR /home/zoo
EXPOSE 8000
HEALTHCHECK --start-period=30s CMD \
  ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health', timeout=5)"]
ENTRYPOINT ["zoo", "serve", "--host", "0.0.0.0"]
