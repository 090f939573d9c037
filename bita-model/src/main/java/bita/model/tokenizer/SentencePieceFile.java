package bita.model.tokenizer;

import bita.model.file.ModelFormatException;
import bita.model.tokenizer.FolderVocabulary.Parts;
import bita.model.tokenizer.Vocabulary.AddedToken;
import java.io.IOException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/**
 * SentencePiece's tokenizer.model, for folders without a tokenizer.json: a message of Protocol Buffers, of which the pieces
 * and a few settings are read.
 *
 * @see <a href="https://github.com/google/sentencepiece/blob/master/src/sentencepiece_model.proto">The format</a>
 */
final class SentencePieceFile {
    private static final long MAX_BYTES = 64L << 20;

    // Fields of messages.
    private static final int PIECE = 1;
    private static final int TRAINER = 2;
    private static final int NORMALIZER = 3;
    private static final int PIECE_TEXT = 1;
    private static final int PIECE_SCORE = 2;
    private static final int PIECE_TYPE = 3;
    private static final int TRAINER_MODEL = 3;
    private static final int NORMALIZER_CHARACTERS = 2;
    private static final int NORMALIZER_PREFIX = 3;

    private static final int BPE = 2;
    private static final int NORMAL = 1;

    private final Path path;
    private final List<String> tokens = new ArrayList<>();
    private final List<Integer> types = new ArrayList<>();
    private final List<Float> scores = new ArrayList<>();
    private final List<AddedToken> added = new ArrayList<>();
    private final BitSet special = new BitSet();
    private long model = 1; // unigram
    private boolean prefix = true;
    private boolean normalizes;

    private SentencePieceFile(Path path) {
        this.path = path;
    }

    /**
     * Reads a file.
     *
     * @param settings of the tokenizer, whose {@code added_tokens_decoder} has more tokens
     * @param more     further tokens by their text
     * @throws ModelFormatException if it is damaged or of a kind that is not supported
     */
    static Parts read(Path path, JsonNode settings, JsonNode more) throws IOException {
        if (!Files.isRegularFile(path) || Files.size(path) > MAX_BYTES) {
            throw new ModelFormatException(path, "this is no file of up to " + MAX_BYTES + " bytes");
        }
        SentencePieceFile file = new SentencePieceFile(path);
        try {
            file.readModel(ByteBuffer.wrap(Files.readAllBytes(path)).order(ByteOrder.LITTLE_ENDIAN));
        } catch (BufferUnderflowException | IllegalArgumentException | CharacterCodingException e) {
            throw new ModelFormatException(path, "the file is damaged, so download it again", e);
        }
        if (file.model != BPE || file.normalizes) {
            throw file.wrong("the tokenizer is not supported, only SentencePiece's BPE without a normalizer");
        }
        return file.parts(settings, more);
    }

    private Parts parts(JsonNode settings, JsonNode more) throws ModelFormatException {
        BitSet text = new BitSet();
        Optional<String> unknown = Optional.empty();
        for (int id = 0; id < tokens.size(); id++) {
            String token = tokens.get(id);
            switch (types.get(id)) {
                case GgufVocabulary.UNKNOWN -> {
                    unknown = Optional.of(token);
                    add(id, true);
                }
                case GgufVocabulary.CONTROL -> add(id, true);
                case GgufVocabulary.USER_DEFINED -> {
                    tokens.set(id, token.replace(TextForm.BLANK, ' ')); // as it stands in text
                    add(id, false);
                }
                case GgufVocabulary.BYTE -> {}
                default -> text.set(id);
            }
            if (token.isEmpty() || token.length() > ScoredMerges.MAX_CHARACTERS || !Float.isFinite(scores.get(id))) {
                throw wrong("piece " + id + " has no text, more than " + ScoredMerges.MAX_CHARACTERS
                        + " characters, or no score");
            }
        }
        if (tokens.isEmpty()) {
            throw wrong("there are no pieces; download the file again");
        }
        float[] all = new float[tokens.size()];
        for (int id = 0; id < all.length; id++) {
            all[id] = scores.get(id);
        }
        Merges merges = ScoredMerges.of(tokens, text, all);
        Map<Integer, String> beyond = new HashMap<>();
        for (Map.Entry<String, JsonNode> token :
                settings.path("added_tokens_decoder").properties()) {
            int id = number(token.getKey());
            if (id >= all.length) {
                beyond.put(id, token.getValue().path("content").asString(""));
                special.set(id, token.getValue().path("special").asBoolean(false));
            }
        }
        for (Map.Entry<String, JsonNode> token : more.properties()) {
            int id = number(token.getValue().toString());
            if (id >= all.length && !beyond.containsKey(id)) {
                beyond.put(id, token.getKey());
                special.set(id);
            }
        }
        for (int id = all.length; !beyond.isEmpty(); id++) {
            String token = beyond.remove(id);
            if (token == null || token.isEmpty()) {
                throw wrong("of the tokens that the tokenizer's settings add, number " + id + " is missing");
            }
            tokens.add(token);
            added.add(AddedToken.literal(id));
        }
        return new Parts(tokens, added, special, merges, TextForm.sentencePiece(prefix), unknown, Optional.empty());
    }

    private void add(int id, boolean isSpecial) {
        added.add(AddedToken.literal(id));
        special.set(id, isSpecial);
    }

    private int number(String id) throws ModelFormatException {
        try {
            return Integer.parseInt(id);
        } catch (NumberFormatException e) {
            throw new ModelFormatException(path, "an added token of the tokenizer's settings has no number", e);
        }
    }

    private void readModel(ByteBuffer message) throws CharacterCodingException {
        while (message.hasRemaining()) {
            long tag = varint(message);
            int field = (int) (tag >>> 3);
            if ((tag & 7) == 2 && field >= PIECE && field <= NORMALIZER) {
                ByteBuffer part = bytes(message);
                switch (field) {
                    case PIECE -> readPiece(part);
                    case TRAINER -> readTrainer(part);
                    default -> readNormalizer(part);
                }
            } else {
                skip(message, tag);
            }
        }
    }

    private void readPiece(ByteBuffer message) throws CharacterCodingException {
        String text = "";
        float score = 0;
        long type = NORMAL;
        while (message.hasRemaining()) {
            long tag = varint(message);
            switch ((int) tag) {
                case PIECE_TEXT << 3 | 2 ->
                    text = StandardCharsets.UTF_8
                            .newDecoder()
                            .decode(bytes(message))
                            .toString();
                case PIECE_SCORE << 3 | 5 -> score = message.getFloat();
                case PIECE_TYPE << 3 -> type = varint(message);
                default -> skip(message, tag);
            }
        }
        tokens.add(text);
        scores.add(score);
        types.add((int) type);
        if (tokens.size() > Vocabulary.MAX_TOKENS) {
            throw new IllegalArgumentException();
        }
    }

    private void readTrainer(ByteBuffer message) {
        while (message.hasRemaining()) {
            long tag = varint(message);
            if (tag == TRAINER_MODEL << 3) {
                model = varint(message);
            } else {
                skip(message, tag);
            }
        }
    }

    private void readNormalizer(ByteBuffer message) {
        while (message.hasRemaining()) {
            long tag = varint(message);
            switch ((int) tag) {
                case NORMALIZER_CHARACTERS << 3 | 2 ->
                    normalizes = bytes(message).hasRemaining();
                case NORMALIZER_PREFIX << 3 -> prefix = varint(message) != 0;
                default -> skip(message, tag);
            }
        }
    }

    private static long varint(ByteBuffer message) {
        long value = 0;
        for (int shift = 0; shift < Long.SIZE; shift += 7) {
            byte next = message.get();
            value |= (next & 0x7fL) << shift;
            if (next >= 0) {
                return value;
            }
        }
        throw new IllegalArgumentException();
    }

    private static ByteBuffer bytes(ByteBuffer message) {
        long length = varint(message);
        if (length < 0 || length > message.remaining()) {
            throw new BufferUnderflowException();
        }
        ByteBuffer part = message.slice(message.position(), (int) length).order(ByteOrder.LITTLE_ENDIAN);
        message.position(message.position() + (int) length);
        return part;
    }

    private static void skip(ByteBuffer message, long tag) {
        switch ((int) (tag & 7)) {
            case 0 -> varint(message);
            case 1 -> message.getLong();
            case 2 -> bytes(message);
            case 5 -> message.getInt();
            default -> throw new IllegalArgumentException();
        }
    }

    private ModelFormatException wrong(String problem) {
        return new ModelFormatException(path, problem);
    }
}
