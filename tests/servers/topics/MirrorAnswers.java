import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.util.Map;

/**
 * Asks MirrorMaker's own classes about the topics on standard input: a line each with the topic, whether it is copied where a
 * pattern takes it, whether it is copied where none does, and its name on the other side. Arguments: source and target.
 */
public class MirrorAnswers {
    private static final String PACKAGE = "org.apache.kafka.connect.mirror.";

    public static void main(String[] sides) throws Exception {
        Object policy = made("IdentityReplicationPolicy", Map.of("source.cluster.alias", sides[0]));
        Object matched = connector(policy, sides, ".+");
        Object unmatched = connector(policy, sides, "no[.]topic");
        Method copies = matched.getClass().getDeclaredMethod("shouldReplicateTopic", String.class);
        Method remote = matched.getClass().getDeclaredMethod("formatRemoteTopic", String.class);
        copies.setAccessible(true);
        remote.setAccessible(true);
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
        for (String topic = input.readLine(); topic != null; topic = input.readLine()) {
            Object[] answers = {topic, copies.invoke(matched, topic), copies.invoke(unmatched, topic), remote.invoke(matched, topic)};
            System.out.println(answers[0] + " " + answers[1] + " " + answers[2] + " " + answers[3]);
        }
    }

    private static Object connector(Object policy, String[] sides, String topics) throws Exception {
        Class<?> pair = Class.forName(PACKAGE + "SourceAndTarget");
        Object both = pair.getConstructor(String.class, String.class).newInstance(sides[0], sides[1]);
        Object filter = made("DefaultTopicFilter", Map.of("topics", topics));
        Object configs = made("DefaultConfigPropertyFilter", Map.of());
        Class<?> kind = Class.forName(PACKAGE + "MirrorSourceConnector");
        for (Constructor<?> constructor : kind.getDeclaredConstructors()) {
            // With heartbeats.replication.enabled, which is true by default, where the version has it among its arguments.
            Class<?>[] types = constructor.getParameterTypes();
            if (types.length >= 4 && types[0] == pair && types[2].isInstance(filter)) {
                constructor.setAccessible(true);
                boolean switched = types.length == 5;
                Object[] arguments = switched ? new Object[] {both, policy, filter, configs, true} : new Object[] {both, policy, filter, configs};
                return constructor.newInstance(arguments);
            }
        }
        throw new IllegalStateException("no constructor of MirrorSourceConnector for four or five arguments");
    }

    private static Object made(String name, Map<String, ?> settings) throws Exception {
        Object object = Class.forName(PACKAGE + name).getConstructor().newInstance();
        Method configure = object.getClass().getMethod("configure", Map.class);
        configure.invoke(object, settings);
        return object;
    }
}
