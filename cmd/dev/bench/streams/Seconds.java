// Seconds counts by second, with Kafka Streams and by hand, what the phase streams of bench has
// Pulse count: lines, nginx's requests, those that failed, and their bytes. It reads Pulse's own
// topic of packs. Each pack comes to a few sums, by second, which go by a topic to whoever adds up
// a second; what that has come to is written each time that it changes, by second.
//
//     java -cp 'LIBS/*' Seconds.java BROKERS INPUT PARTIALS OUTPUT
//
// A message of sums is five big-endian numbers: the second, and the four.

import java.nio.ByteBuffer;
import java.time.OffsetDateTime;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

public class Seconds {
    static final int LINES = 0, REQUESTS = 1, ERRORS = 2, BYTES = 3;

    public static void main(String[] args) {
        Properties p = new Properties();
        p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args[0]);
        p.put(StreamsConfig.APPLICATION_ID_CONFIG, args[3]);
        p.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 2);
        p.put(StreamsConfig.STATE_DIR_CONFIG, System.getProperty("java.io.tmpdir"));
        p.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
        p.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
        p.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");

        Topology t = new Topology();
        t.addSource("packs", args[1]);
        t.addProcessor("count", Count::new, "packs");
        t.addSink("partials", args[2], Serdes.Long().serializer(), Serdes.ByteArray().serializer(), "count");
        t.addSource("added", Serdes.Long().deserializer(), Serdes.ByteArray().deserializer(), args[2]);
        t.addProcessor("add", Add::new, "added");
        t.addStateStore(Stores.keyValueStoreBuilder(
            Stores.inMemoryKeyValueStore("sums"), Serdes.Long(), Serdes.ByteArray()), "add");
        t.addSink("sums-out", args[3], Serdes.Long().serializer(), Serdes.ByteArray().serializer(), "add");

        KafkaStreams streams = new KafkaStreams(t, p);
        Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
        streams.start();
    }

    /** Count makes sums of a pack. */
    static class Count implements Processor<byte[], byte[], Long, byte[]> {
        private ProcessorContext<Long, byte[]> context;
        private byte[] time = new byte[0]; // text of the second met last
        private long second;

        public void init(ProcessorContext<Long, byte[]> context) { this.context = context; }

        public void process(Record<byte[], byte[]> record) {
            byte[] b = record.value();
            if (b == null || b.length == 0) {
                return; // a tick
            }
            Map<Long, long[]> sums = new HashMap<>();
            long[] last = null;
            for (int from = 0; from < b.length; ) {
                int to = from;
                while (to < b.length && b[to] != '\n') {
                    to++;
                }
                if (last == null || !sameSecond(b, from)) {
                    second = secondOf(b, from, to);
                    last = sums.computeIfAbsent(second, s -> new long[4]);
                }
                count(b, from, to, last);
                from = to + 1;
            }
            for (Map.Entry<Long, long[]> e : sums.entrySet()) {
                context.forward(new Record<>(e.getKey(), encode(e.getKey(), e.getValue()), record.timestamp()));
            }
        }

        private boolean sameSecond(byte[] b, int at) {
            if (time.length == 0 || at + 19 > b.length) {
                return false;
            }
            for (int i = 18; i >= 0; i--) {
                if (b[at + i] != time[i]) {
                    return false;
                }
            }
            return true;
        }

        private long secondOf(byte[] b, int from, int to) {
            int end = from;
            while (end < to && b[end] != ' ') {
                end++;
            }
            String text = new String(b, from, end - from, java.nio.charset.StandardCharsets.US_ASCII);
            time = text.substring(0, 19).getBytes();
            return OffsetDateTime.parse(text).toEpochSecond();
        }

        /** count adds a line: TIME ADDRESS FACILITY nginx[…] … "GET / HTTP/1.1" 200 1234 … */
        private static void count(byte[] b, int from, int to, long[] sums) {
            sums[LINES]++;
            int at = from;
            for (int words = 0; words < 3; at++) {
                if (at >= to) {
                    return;
                }
                if (b[at] == ' ') {
                    words++;
                }
            }
            if (at + 6 > to || b[at] != 'n' || b[at + 1] != 'g' || b[at + 2] != 'i' || b[at + 3] != 'n' || b[at + 4] != 'x'
                || b[at + 5] != '[') {
                return;
            }
            while (at < to && b[at] != '"') {
                at++;
            }
            for (at++; at < to && b[at] != '"'; at++) {
            }
            at += 2; // the quote and a space
            if (at + 4 >= to || !digit(b[at]) || !digit(b[at + 1]) || !digit(b[at + 2]) || b[at + 3] != ' ') {
                return;
            }
            sums[REQUESTS]++;
            if (b[at] >= '5') {
                sums[ERRORS]++;
            }
            long bytes = 0;
            for (at += 4; at < to && digit(b[at]); at++) {
                bytes = 10 * bytes + b[at] - '0';
            }
            sums[BYTES] += bytes;
        }

        private static boolean digit(byte b) { return b >= '0' && b <= '9'; }
    }

    /** Add adds up what packs came to. */
    static class Add implements Processor<Long, byte[], Long, byte[]> {
        private ProcessorContext<Long, byte[]> context;
        private KeyValueStore<Long, byte[]> store;

        public void init(ProcessorContext<Long, byte[]> context) {
            this.context = context;
            store = context.getStateStore("sums");
        }

        public void process(Record<Long, byte[]> record) {
            long[] sums = decode(record.value());
            byte[] before = store.get(record.key());
            if (before != null) {
                long[] had = decode(before);
                for (int i = 0; i < sums.length; i++) {
                    sums[i] += had[i];
                }
            }
            byte[] now = encode(record.key(), sums);
            store.put(record.key(), now);
            context.forward(record.withValue(now));
        }
    }

    static byte[] encode(long second, long[] sums) {
        ByteBuffer b = ByteBuffer.allocate(8 * (1 + sums.length)).putLong(second);
        for (long n : sums) {
            b.putLong(n);
        }
        return b.array();
    }

    static long[] decode(byte[] b) {
        ByteBuffer from = ByteBuffer.wrap(b, 8, b.length - 8);
        long[] sums = new long[4];
        for (int i = 0; i < sums.length; i++) {
            sums[i] = from.getLong();
        }
        return sums;
    }
}
