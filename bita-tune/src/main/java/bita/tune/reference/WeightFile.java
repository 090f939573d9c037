package bita.tune.reference;

import bita.model.file.ModelFormatException;
import bita.model.file.SafetensorsFile;
import bita.model.file.SafetensorsTensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** A file of named tensors, in either format that checkpoints have. Opening reads names and places, not the numbers. */
interface WeightFile extends AutoCloseable {
    /** The ending of safetensors files; every other file is PyTorch's. */
    String SAFETENSORS = ".safetensors";

    Path path();

    List<? extends StoredTensor> tensors();

    @Override
    void close() throws IOException;

    /**
     * Opens a file.
     *
     * @throws ModelFormatException if it is not a sound file of its format
     */
    static WeightFile open(Path path) throws IOException {
        return path.toString().endsWith(SAFETENSORS)
                ? new Safetensors(SafetensorsFile.open(path))
                : TorchFile.open(path);
    }

    /** A safetensors file. */
    record Safetensors(SafetensorsFile file) implements WeightFile {
        private record Tensor(SafetensorsFile file, SafetensorsTensor tensor) implements StoredTensor {
            @Override
            public String name() {
                return tensor.name();
            }

            @Override
            public long[] shape() {
                return tensor.shape();
            }

            @Override
            public float[] floats(long first, int count) throws ModelFormatException {
                return file.floats(tensor.name(), first, count);
            }
        }

        @Override
        public Path path() {
            return file.path();
        }

        @Override
        public List<StoredTensor> tensors() {
            return file.tensors().stream()
                    .<StoredTensor>map(tensor -> new Tensor(file, tensor))
                    .toList();
        }

        @Override
        public void close() {
            file.close();
        }
    }
}
