#!/usr/bin/env bash
# tools/dist_train.sh CONFIG GPUS [options of train.py]
# Several machines: set NNODES, NODE_RANK, MASTER_ADDR and PORT on each. One machine uses a free port.
set -euo pipefail
if [ $# -lt 2 ]; then
    echo "usage: $0 CONFIG GPUS [options of train.py]" >&2
    exit 2
fi
CONFIG=$1
GPUS=$2
root=$(cd "$(dirname "$0")/.." && pwd)
if [ "${NNODES:-1}" = 1 ]; then
    meet=(--standalone --local_addr=127.0.0.1)
else
    meet=(--nnodes="$NNODES" --node_rank="${NODE_RANK:?is not set, but NNODES is $NNODES}"
        --master_addr="${MASTER_ADDR:?is not set, but NNODES is $NNODES}" --master_port="${PORT:-29500}")
fi
PYTHONPATH="$root:${PYTHONPATH:-}" exec "${PYTHON:-python}" -m torch.distributed.run \
    "${meet[@]}" --nproc_per_node="$GPUS" \
    "$root/tools/train.py" "$CONFIG" --launcher pytorch "${@:3}"
