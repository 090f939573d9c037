package bita.spark;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Spark is known here and nowhere else, and nothing depends on this module. */
class ArchitectureTest {
    private static JavaClasses classes;

    @BeforeAll
    static void read() {
        classes = new ClassFileImporter()
                .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
                .importPackages("bita");
        assertThat(classes.contain(Main.class)).isTrue();
        assertThat(classes.contain("bita.tune.train.Tuning")).isTrue();
        assertThat(classes.contain("bita.eval.methods.Evaluation")).isTrue();
    }

    @Test
    void nothingDependsOnIt() {
        noClasses()
                .that()
                .resideOutsideOfPackage("bita.spark..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("bita.spark..", "org.apache.spark..", "org.apache.hadoop..", "scala..")
                .check(classes);
    }

    @Test
    void onlyTheConsolePrints() {
        noClasses()
                .that()
                .resideInAPackage("bita.spark..")
                .and()
                .doNotHaveFullyQualifiedName(Console.class.getName())
                .should()
                .accessField(System.class, "out")
                .orShould()
                .accessField(System.class, "err")
                .check(classes);
    }
}
