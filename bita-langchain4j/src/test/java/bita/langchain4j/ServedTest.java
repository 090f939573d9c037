package bita.langchain4j;

import bita.api.AnswerService;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** One model for all tests of a class, and a service for each. */
abstract class ServedTest {
    @TempDir
    static Path folder;

    static Loaded loaded;

    AnswerService service;

    @BeforeAll
    static void load() throws IOException {
        loaded = new Loaded(folder);
    }

    @AfterAll
    static void unload() {
        loaded.close();
    }

    @BeforeEach
    void open() {
        service = loaded.service(8, 8);
    }

    @AfterEach
    void close() {
        service.close();
    }
}
