package bita.langchain4j;

import bita.api.Answer;
import bita.api.AnswerService;
import bita.api.BatchListener;
import bita.decode.NotANumberException;
import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.internal.InternalStreamingChatResponseHandlerUtils;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.chat.response.StreamingHandle;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Function;

/**
 * Hands over an answer from the thread that makes it to the one that tells its handler. The queue between them holds no more
 * than the answer.
 */
final class StreamedAnswer implements BatchListener {
    private final StreamingChatResponseHandler handler;
    private final Function<Answer, ChatResponse> response;
    private final BlockingQueue<Event> events = new LinkedBlockingQueue<>();

    private sealed interface Event {}

    private record Text(String text) implements Event {}

    private record Whole(Answer answer) implements Event {}

    private record Failure(LangChain4jException problem) implements Event {}

    StreamedAnswer(StreamingChatResponseHandler handler, Function<Answer, ChatResponse> response) {
        this.handler = handler;
        this.response = response;
    }

    @Override
    public void text(Piece piece) {
        events.add(new Text(piece.text()));
    }

    @Override
    public void finished(Answer answer) {
        boolean cancelled = answer.finish() == Answer.Finish.CANCELLED;
        events.add(cancelled ? new Failure(Requests.cancelled()) : new Whole(answer));
    }

    @Override
    public void failed(NotANumberException problem) {
        events.add(new Failure(new LangChain4jException(problem)));
    }

    /** Cancels the answer for its handler. */
    private static final class Handle implements StreamingHandle {
        private final AnswerService.Ticket ticket;
        private volatile boolean cancelled;

        Handle(AnswerService.Ticket ticket) {
            this.ticket = ticket;
        }

        @Override
        public void cancel() {
            cancelled = true;
            ticket.cancel();
        }

        @Override
        public boolean isCancelled() {
            return cancelled;
        }
    }

    /** Tells the handler all that comes, until the answer ends or the handler cancels it. */
    void tell(AnswerService.Ticket ticket) {
        Handle handle = new Handle(ticket);
        try {
            boolean more = true;
            while (more && !handle.isCancelled()) {
                more = tell(events.take(), handle);
            }
        } catch (InterruptedException e) {
            // A handler interrupted its own thread: it wants no more.
        } finally {
            ticket.cancel();
        }
    }

    private boolean tell(Event event, Handle handle) {
        return switch (event) {
            case Text(String text) -> {
                InternalStreamingChatResponseHandlerUtils.onPartialResponse(handler, text, handle);
                yield true;
            }
            case Whole(Answer answer) -> {
                InternalStreamingChatResponseHandlerUtils.onCompleteResponse(handler, response.apply(answer));
                yield false;
            }
            case Failure(LangChain4jException problem) -> {
                InternalStreamingChatResponseHandlerUtils.withLoggingExceptions(() -> handler.onError(problem));
                yield false;
            }
        };
    }
}
