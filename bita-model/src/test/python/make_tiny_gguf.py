"""Makes tiny.gguf, which GgufFileTest reads: pip install gguf==0.19.0 numpy; python THIS FILE"""
import sys

import gguf
import numpy as np

writer = gguf.GGUFWriter(sys.argv[1], "llama")
writer.add_uint8("type.uint8", 255)
writer.add_int8("type.int8", -1)
writer.add_uint16("type.uint16", 65535)
writer.add_int16("type.int16", -2)
writer.add_uint32("type.uint32", 4294967295)
writer.add_int32("type.int32", -3)
writer.add_uint64("type.uint64", 2**64 - 1)
writer.add_int64("type.int64", -(2**63))
writer.add_float32("type.float32", 1e-5)
writer.add_float64("type.float64", 0.1)
writer.add_bool("type.bool", True)
writer.add_string("type.string", "naïve 語 \N{GRINNING FACE}")
writer.add_array("array.string", ["", "a", "Ġthe"])
writer.add_array("array.int32", [1, -2, 3])
writer.add_array("array.float32", [0.5, -1.5])
writer.add_array("array.bool", [True, False])
writer.add_custom_alignment(64)

values = (np.arange(3 * 64, dtype=np.float32).reshape(3, 64) - 90) / 7
writer.add_tensor("matrix.f32", values)
writer.add_tensor("vector.f16", values[0].astype(np.float16))
for name in ["BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0"]:
    kind = gguf.GGMLQuantizationType[name]
    writer.add_tensor("matrix." + name.lower(), gguf.quants.quantize(values, kind), raw_dtype=kind)
writer.add_tensor("cube.f32", values.reshape(1, 3, 4, 16))
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
