package dev.jemma.app.generate;

import de.siegmar.fastcsv.reader.CsvParseException;
import de.siegmar.fastcsv.reader.CsvReader;
import de.siegmar.fastcsv.reader.NamedCsvRecord;
import dev.jemma.engine.UsageException;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.util.Iterator;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Prompts from a table with a header line (RFC 4180): the columns are named as the fields of JSON lines, without
 * {@code messages}. An empty cell is as if it were not there.
 */
final class CsvPrompts implements PromptSource {
    private static final Set<String> NUMBERS = Set.of("max_tokens", "temperature", "seed");

    private final Iterator<NamedCsvRecord> records;
    private final @Nullable String system;
    private long line = 1;

    CsvPrompts(Reader reader, @Nullable String system) {
        this.records = CsvReader.builder().ofNamedCsvRecord(reader).iterator();
        this.system = system;
    }

    @Override
    public @Nullable BatchPrompt next() {
        NamedCsvRecord row = nextRecord();
        if (row == null) {
            return null;
        }
        line = row.getStartingLineNumber();
        ObjectNode object = JsonMapper.shared().createObjectNode();
        for (Map.Entry<String, String> cell : row.getFieldsAsMap().entrySet()) {
            if (!cell.getValue().isEmpty()) {
                put(object, cell.getKey().strip(), cell.getValue());
            }
        }
        return BatchPrompt.ofObject(line, object, system);
    }

    private @Nullable NamedCsvRecord nextRecord() {
        try {
            return records.hasNext() ? records.next() : null;
        } catch (CsvParseException e) {
            throw new UnreadableInputException(
                    "expected CSV with a header line after line " + line + ": " + e.getMessage(), e);
        } catch (UncheckedIOException e) {
            throw new UnreadableInputException("expected UTF-8 text after line " + line + ", got other bytes", e);
        }
    }

    private static void put(ObjectNode object, String name, String value) {
        if (!NUMBERS.contains(name)) {
            object.put(name, value);
            return;
        }
        try {
            object.put(name, new java.math.BigDecimal(value.strip()));
        } catch (NumberFormatException e) {
            throw new UsageException("expected '" + name + "' to be a number, got '" + value + "'", e);
        }
    }

    @Override
    public long line() {
        return line;
    }
}
