package bita.model;

import bita.kernels.Kernels;
import bita.kernels.ThreadTeam;
import java.util.Optional;

/**
 * A model together with what executes it: kernels, threads, and the mask tokens of one adapter, if any. Forward passes
 * of one engine run one after the other.
 */
public record Engine(Transformer model, Kernels kernels, ThreadTeam team, Optional<MaskTokens> maskTokens) {}
