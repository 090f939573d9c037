package bita.api.store;

import java.util.Optional;
import java.util.OptionalLong;

/**
 * A file to be pulled.
 *
 * @param hub where the hub has it
 * @param model its entry in the catalogue, if it is there: then hash and size are known beforehand
 */
record Wanted(HubFile hub, Optional<CatalogModel> model) {

    static Wanted of(CatalogModel model) {
        return new Wanted(model.hub(), Optional.of(model));
    }

    String name() {
        return model.map(CatalogModel::id).orElse(hub.toString());
    }

    Optional<String> sha256() {
        return model.map(CatalogModel::sha256);
    }

    OptionalLong bytes() {
        return model.map(m -> OptionalLong.of(m.bytes())).orElse(OptionalLong.empty());
    }
}
