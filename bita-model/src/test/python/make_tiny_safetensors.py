"""Makes tiny.safetensors, which SafetensorsFileTest reads: pip install safetensors==0.8.0 ml_dtypes numpy; python THIS FILE"""
import sys

import ml_dtypes
import numpy as np
from safetensors.numpy import save_file

values = (np.arange(12, dtype=np.float32).reshape(3, 4) - 5) / 8
save_file(
    {
        "matrix.f32": values,
        "matrix.f16": values.astype(np.float16),
        "matrix.bf16": values.astype(ml_dtypes.bfloat16),
        "vector.i64": np.arange(3, dtype=np.int64),
        "scalar.f32": np.array(2.5, dtype=np.float32),
        "empty.f32": np.zeros((0, 4), dtype=np.float32),
    },
    sys.argv[1],
    metadata={"format": "pt", "note": 'quote " and 語'},
)
