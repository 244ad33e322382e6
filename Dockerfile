# ga2mm with all that it needs. DEVICE is gpu (CUDA comes in torch's wheels; the host needs NVIDIA's driver and
# container toolkit) or cpu (a third of the size):
#   docker build -t ga2mm .
#   docker build -t ga2mm:cpu --build-arg DEVICE=cpu .
#   docker run --rm --gpus all --shm-size 8g -v "$PWD:/work" ga2mm train my_videos/ --shots 4
FROM python:3.12-slim

# What OpenCV and `make demo` need.
RUN apt-get update && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 make git \
    && rm -rf /var/lib/apt/lists/*

ARG DEVICE=gpu
RUN case "$DEVICE" in \
    cpu) pip install --no-cache-dir torch torchvision --index-url https://download.pytorch.org/whl/cpu ;; \
    gpu) pip install --no-cache-dir torch torchvision ;; \
    *) echo "DEVICE=$DEVICE: choose gpu or cpu" >&2; exit 1 ;; \
    esac

COPY . /opt/ga2mm
WORKDIR /opt/ga2mm
RUN pip install --no-cache-dir -r requirements.txt

WORKDIR /work
ENTRYPOINT ["ga2mm"]
CMD ["--help"]
