package bita.server;

import io.netty.channel.ChannelFuture;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.net.impl.ConnectionBase;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/** The connections that are open. Used on the server's event loop only. */
final class Connections {
    private final int most;
    private final Duration idle;
    private final Map<HttpConnection, Long> lastUsed = new HashMap<>();

    Connections(ServerLimits limits) {
        most = limits.connections();
        idle = limits.readTimeout();
    }

    void add(HttpConnection connection) {
        if (lastUsed.size() >= most) {
            connection.close();
            return;
        }
        lastUsed.put(connection, System.nanoTime());
        connection.closeHandler(_ -> lastUsed.remove(connection));
    }

    /** A request has come or ended. */
    void used(HttpConnection connection) {
        lastUsed.computeIfPresent(connection, (_, _) -> System.nanoTime());
    }

    /** Closes those over which no whole request has come for long; whoever sends one byte at a time is such a one. */
    void closeIdle(Set<HttpConnection> busy, long now) {
        for (Map.Entry<HttpConnection, Long> entry : Map.copyOf(lastUsed).entrySet()) {
            if (!busy.contains(entry.getKey()) && now - entry.getValue() > idle.toNanos()) {
                cut(entry.getKey());
            }
        }
    }

    /** Closes at once. Vert.x' own close first waits until the peer has taken all that was written. */
    static void cut(HttpConnection connection) {
        ChannelFuture _ = ((ConnectionBase) connection).channelHandlerContext().close();
    }
}
