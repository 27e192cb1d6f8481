import infodynamics.measures.continuous.*;
import infodynamics.measures.discrete.*;
import infodynamics.measures.mixed.MutualInfoCalculatorMultiVariateWithDiscrete;
import java.nio.file.*;
import java.util.*;

/**
 * Prints what calculators of JIDT give, one number a line: java -cp infodynamics.jar Jidt.java FOLDER < LINES
 *
 * A line is a calculator, its properties (or numbers for its constructor) and its samples, as docs/switching.md writes it:
 * Name(k=4, NORMALISE=false)(x, y). Samples stand in FOLDER as x.txt, y.txt, ..., a row a line. No noise is added.
 */
class Jidt {
    static final String HOME = "infodynamics.measures.";
    static final String[] PACKAGES = {
        "continuous.kraskov.", "continuous.kozachenko.", "continuous.gaussian.", "discrete.", "mixed.kraskov."
    };

    public static void main(String[] folder) throws Exception {
        for (Scanner lines = new Scanner(System.in); lines.hasNextLine(); ) {
            String[] parts = lines.nextLine().split("[()]");
            List<double[][]> samples = new ArrayList<>();
            for (String name : parts[3].split(", ")) samples.add(read(Path.of(folder[0], name + ".txt")));
            System.out.println(value(calculator(parts[0], parts[1].split(", ")), parts[1].split(", "), samples));
        }
    }

    static Object calculator(String name, String[] options) throws Exception {
        int[] numbers = Arrays.stream(options).filter(option -> option.matches("\\d+")).mapToInt(Integer::parseInt).toArray();
        Class<?>[] types = new Class<?>[numbers.length];
        Arrays.fill(types, int.class);
        return find(name).getConstructor(types).newInstance(Arrays.stream(numbers).boxed().toArray());
    }

    static Class<?> find(String name) throws ClassNotFoundException {
        for (String place : PACKAGES) {
            try {
                return Class.forName(HOME + place + name);
            } catch (ClassNotFoundException elsewhere) {
                continue;
            }
        }
        throw new ClassNotFoundException(name);
    }

    static double value(Object made, String[] options, List<double[][]> samples) throws Exception {
        set(made, "NOISE_LEVEL_TO_ADD=0");
        for (String option : options) set(made, option);
        double[][] x = samples.get(0), y = samples.size() > 1 ? samples.get(1) : null, z = samples.size() > 2 ? samples.get(2) : null;
        if (made instanceof MutualInfoCalculatorMultiVariate mi) {
            mi.initialise(x[0].length, y[0].length);
            mi.setObservations(x, y);
        } else if (made instanceof ConditionalMutualInfoCalculatorMultiVariate conditional) {
            conditional.initialise(x[0].length, y[0].length, z[0].length);
            conditional.setObservations(x, y, z);
        } else if (made instanceof ConditionalTransferEntropyCalculator conditional) {
            conditional.initialise();
            conditional.setObservations(column(x), column(y), column(z));
        } else if (made instanceof TransferEntropyCalculator transfer) {
            transfer.initialise();
            transfer.setObservations(column(x), column(y));
        } else if (made instanceof ActiveInfoStorageCalculator storage) {
            storage.initialise();
            storage.setObservations(column(x));
        } else if (made instanceof EntropyCalculatorMultiVariate entropy) {
            entropy.initialise(x[0].length);
            entropy.setObservations(x);
        } else if (made instanceof MultiInfoCalculator several) {
            several.initialise(x[0].length);
            several.setObservations(x);
        } else if (made instanceof MutualInfoCalculatorMultiVariateWithDiscrete mixed) {
            mixed.initialise(x[0].length, 1 + Arrays.stream(whole(y)).max().getAsInt());
            mixed.setObservations(x, whole(y));
            return mixed.computeAverageLocalOfObservations();
        } else {
            InfoMeasureCalculatorDiscrete discrete = (InfoMeasureCalculatorDiscrete) made;
            discrete.initialise();
            if (made instanceof ConditionalMutualInformationCalculatorDiscrete three) three.addObservations(whole(x), whole(y), whole(z));
            else if (made instanceof ChannelCalculatorDiscrete two) two.addObservations(whole(x), whole(y));
            else ((EntropyCalculatorDiscrete) made).addObservations(whole(x));
            return discrete.computeAverageLocalOfObservations();
        }
        return ((InfoMeasureCalculatorContinuous) made).computeAverageLocalOfObservations();
    }

    static void set(Object made, String option) throws Exception {
        String[] pair = option.split("=");
        if (made instanceof InfoMeasureCalculatorContinuous || made instanceof MutualInfoCalculatorMultiVariateWithDiscrete)
            if (pair.length == 2) made.getClass().getMethod("setProperty", String.class, String.class).invoke(made, pair[0], pair[1]);
    }

    static double[][] read(Path file) throws Exception {
        return Files.lines(file)
            .map(line -> Arrays.stream(line.split(" ")).mapToDouble(Double::parseDouble).toArray())
            .toArray(double[][]::new);
    }

    static double[] column(double[][] rows) {
        return Arrays.stream(rows).mapToDouble(row -> row[0]).toArray();
    }

    static int[] whole(double[][] rows) {
        return Arrays.stream(rows).mapToInt(row -> (int) row[0]).toArray();
    }
}
