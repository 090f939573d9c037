package example;

import org.springframework.ai.chat.client.ChatClient;
import org.springframework.boot.CommandLineRunner;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;

/** Asks a question through Spring AI, whose OpenAI client talks to {@code bita serve}. */
@SpringBootApplication
public class AskApplication {
    public static void main(String[] arguments) {
        SpringApplication.run(AskApplication.class, arguments);
    }

    @Bean
    CommandLineRunner ask(ChatClient.Builder builder) {
        return arguments -> {
            ChatClient client = builder.build();
            String question = arguments.length > 0 ? arguments[0] : "Why is the sky blue?";
            System.out.println(client.prompt(question).call().content());

            // As it comes.
            client.prompt("Tell me a story in one sentence.").stream()
                    .content()
                    .toStream()
                    .forEach(System.out::print);
            System.out.println();
        };
    }
}
