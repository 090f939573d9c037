package bita.cli;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaPackage;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What holds the modules together, and apart. */
class ArchitectureTest {
    private static JavaClasses classes;

    @BeforeAll
    static void read() {
        classes = new ClassFileImporter()
                .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
                .importPackages("bita");
    }

    /** An importer that cannot read this JDK's class files finds nothing, and every rule would hold. */
    @Test
    void everyModuleHasBeenRead() {
        Set<String> modules = classes.stream()
                .map(c -> c.getPackageName().replaceFirst("bita\\.([a-z]+).*", "$1"))
                .collect(Collectors.toCollection(TreeSet::new));

        assertThat(modules).containsExactly("api", "cli", "decode", "eval", "kernels", "model", "server", "tune");
        assertThat(classes.contain(Main.class)).isTrue();
        assertThat(classes.get(Main.class).getDirectDependenciesFromSelf()).isNotEmpty();
    }

    @Test
    void arrowsPointDownwards() {
        layeredArchitecture()
                .consideringOnlyDependenciesInAnyPackage("bita..")
                .layer("kernels")
                .definedBy("bita.kernels..")
                .layer("model")
                .definedBy("bita.model..")
                .layer("decode")
                .definedBy("bita.decode..")
                .layer("api")
                .definedBy("bita.api..")
                .layer("tune")
                .definedBy("bita.tune..")
                .layer("eval")
                .definedBy("bita.eval..")
                .layer("server")
                .definedBy("bita.server..")
                .layer("cli")
                .definedBy("bita.cli..")
                .whereLayer("kernels")
                .mayNotAccessAnyLayer()
                .whereLayer("model")
                .mayOnlyAccessLayers("kernels")
                .whereLayer("decode")
                .mayOnlyAccessLayers("model", "kernels")
                .whereLayer("api")
                .mayOnlyAccessLayers("decode", "model", "kernels")
                .whereLayer("tune")
                .mayOnlyAccessLayers("api", "decode", "model", "kernels")
                .whereLayer("eval")
                .mayOnlyAccessLayers("api", "decode", "model", "kernels")
                .whereLayer("server")
                .mayOnlyAccessLayers("api", "decode", "model", "kernels")
                .whereLayer("cli")
                .mayNotBeAccessedByAnyLayer()
                .check(classes);
    }

    @Test
    void onlyTheCommandLinePrints() {
        noClasses()
                .that()
                .resideOutsideOfPackage("bita.cli..")
                .should()
                .accessField(System.class, "out")
                .orShould()
                .accessField(System.class, "err")
                .orShould()
                .callMethod(Throwable.class, "printStackTrace")
                .check(classes);
    }

    @Test
    void onlyTheKernelsCallNativeCode() {
        noClasses()
                .that()
                .resideOutsideOfPackage("bita.kernels..")
                .should()
                .dependOnClassesThat()
                .areAssignableTo(Linker.class)
                .orShould()
                .dependOnClassesThat()
                .areAssignableTo(SymbolLookup.class)
                .check(classes);
    }

    @Test
    void onlyTheCommandLineKnowsItsLibraries() {
        noClasses()
                .that()
                .resideOutsideOfPackage("bita.cli..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("picocli..", "org.jline..")
                .check(classes);
    }

    @Test
    void nullIsMarkedInEveryPackage() {
        Set<String> unmarked = classes.stream()
                .map(JavaClass::getPackage)
                .filter(p -> !p.isAnnotatedWith(NullMarked.class))
                .map(JavaPackage::getName)
                .collect(Collectors.toCollection(TreeSet::new));

        assertThat(unmarked).isEmpty();
    }
}
