import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.util.HexFormat;
import org.apache.kafka.common.utils.Utils;

/** Reads hex keys, one a line (an empty line is the empty key); prints Kafka's own murmur2 of each, one a line. */
public final class Murmur2 {
  public static void main(String[] args) throws IOException {
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    PrintWriter out = new PrintWriter(new BufferedWriter(new OutputStreamWriter(System.out)));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      out.println(Utils.murmur2(HexFormat.of().parseHex(line)));
    }
    out.flush();
  }
}
