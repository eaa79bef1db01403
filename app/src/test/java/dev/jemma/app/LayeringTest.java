package dev.jemma.app;

import static com.tngtech.archunit.base.DescribedPredicate.alwaysTrue;
import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.type;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.fields;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import dev.jemma.models.ModelFormatException;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The rules of docs/design.md about who may know whom. */
class LayeringTest {
    private static final JavaClasses CLASSES = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("dev.jemma");

    private static final List<String> BACKENDS = List.of("reference", "cpu", "metal", "cuda");

    @Test
    void modulesDependDownwardsOnly() {
        layeredArchitecture()
                .consideringOnlyDependenciesInLayers()
                .layer("kernels")
                .definedBy("dev.jemma.kernels..")
                .layer("kvcache")
                .definedBy("dev.jemma.kvcache..")
                .layer("models")
                .definedBy("dev.jemma.models..")
                .layer("engine")
                .definedBy("dev.jemma.engine..")
                .layer("app")
                .definedBy("dev.jemma.app..")
                .whereLayer("app")
                .mayNotBeAccessedByAnyLayer()
                .whereLayer("engine")
                .mayOnlyBeAccessedByLayers("app")
                .whereLayer("models")
                .mayOnlyBeAccessedByLayers("engine", "app")
                .whereLayer("kvcache")
                .mayOnlyBeAccessedByLayers("models", "engine", "app")
                .check(CLASSES);
    }

    static Stream<String> backends() {
        return BACKENDS.stream();
    }

    @ParameterizedTest
    @MethodSource("backends")
    void nobodyNamesABackend(String backend) {
        String itself = "dev.jemma.kernels." + backend + "..";
        // A process's first step on the CPU is the reference's: docs/adr/0007.
        String user = backend.equals("reference") ? "dev.jemma.kernels.cpu.." : itself;
        noClasses()
                .that(not(resideInAnyPackage(itself, user)))
                .should()
                .dependOnClassesThat(resideInAPackage(itself))
                .because("backends are found by ServiceLoader")
                .allowEmptyShould(true)
                .check(CLASSES);
    }

    @Test
    void onlyTheKernelsApiIsSeenFromAbove() {
        noClasses()
                .that(resideInAnyPackage("dev.jemma.kvcache..", "dev.jemma.models..", "dev.jemma.engine.."))
                .should()
                .dependOnClassesThat(resideInAnyPackage("dev.jemma.kernels.*.."))
                .check(CLASSES);
    }

    @Test
    void nativeCallsAreMadeInFewPlaces() {
        noClasses()
                .that(not(resideInAnyPackage(
                        "dev.jemma.kernels.host..",
                        "dev.jemma.kernels.metal..",
                        "dev.jemma.kernels.cuda..",
                        "dev.jemma.kernels.onednn..",
                        "dev.jemma.kernels.x86..",
                        "dev.jemma.kernels.ffi..")))
                .should()
                .dependOnClassesThat()
                .haveFullyQualifiedName("java.lang.foreign.Linker")
                .orShould()
                .dependOnClassesThat()
                .haveFullyQualifiedName("java.lang.foreign.SymbolLookup")
                .check(CLASSES);
    }

    @Test
    void onlyTheCpuBackendUsesTheVectorApi() {
        noClasses()
                .that(not(resideInAPackage("dev.jemma.kernels.cpu..")))
                .should()
                .dependOnClassesThat(resideInAPackage("jdk.incubator.vector.."))
                .check(CLASSES);
    }

    @Test
    void packagesAreFreeOfCycles() {
        slices().matching("dev.jemma.(**)")
                .should()
                .beFreeOfCycles()
                // The exception of a whole module lies in its root package, beside the class that opens a model.
                .ignoreDependency(alwaysTrue(), type(ModelFormatException.class))
                .check(CLASSES);
    }

    @Test
    void namesSayWhatAClassIs() {
        ArchRule rule = classes().should().haveSimpleNameNotEndingWith("Util");
        for (String vague : List.of("Utils", "Helper", "Manager", "Impl")) {
            rule.check(CLASSES);
            rule = classes().should().haveSimpleNameNotEndingWith(vague);
        }
        rule.check(CLASSES);
    }

    @Test
    void staticsAreFinal() {
        fields().that().areStatic().should().beFinal().check(CLASSES);
    }

    @Test
    void onlyTheAppEndsTheProcess() {
        noClasses()
                .that(not(resideInAPackage("dev.jemma.app..")))
                .should()
                .callMethod(System.class, "exit", int.class)
                .check(CLASSES);
    }
}
