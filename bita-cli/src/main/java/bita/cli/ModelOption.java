package bita.cli;

import bita.api.store.CatalogModel;
import picocli.CommandLine.Option;

/** Which model. */
final class ModelOption {
    @Option(
            names = {"-m", "--model"},
            paramLabel = "MODEL",
            description =
                    "A name that \"bita list\" knows, the path of a GGUF file or a safetensors folder, or owner/repo/file.gguf of the"
                            + " Hugging Face hub. Default: smollm2-135m-instruct, which is downloaded when needed.")
    String name = CatalogModel.DEFAULT.id();
}
