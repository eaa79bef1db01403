package dev.jemma.app.generate;

import de.siegmar.fastcsv.reader.CsvParseException;
import de.siegmar.fastcsv.reader.CsvReader;
import de.siegmar.fastcsv.reader.NamedCsvRecord;
import dev.jemma.app.console.Utf8Lines;
import dev.jemma.engine.UsageException;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.util.Iterator;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Prompts from a table with a header line (RFC 4180): the columns are named as the fields of JSON lines, without
 * {@code messages}. An empty cell is as if it were not there.
 */
final class CsvPrompts implements PromptSource {
    private final Iterator<NamedCsvRecord> records;
    private final @Nullable String system;
    private long line = 1;

    CsvPrompts(Reader reader, @Nullable String system) {
        this.records = CsvReader.builder()
                // Otherwise a wrong row would end the reading.
                .allowExtraFields(true)
                .allowMissingFields(true)
                .ofNamedCsvRecord(reader)
                .iterator();
        this.system = system;
    }

    @Override
    public @Nullable BatchPrompt next() {
        NamedCsvRecord row = nextRecord();
        if (row == null) {
            return null;
        }
        line = row.getStartingLineNumber();
        if (row.getFieldCount() != row.getHeader().size()) {
            throw new UsageException("expected " + row.getHeader().size() + " cells, as the header line has, got "
                    + row.getFieldCount());
        }
        ObjectNode object = JsonMapper.shared().createObjectNode();
        for (Map.Entry<String, String> cell : row.getFieldsAsMap().entrySet()) {
            if (!cell.getValue().isEmpty()) {
                put(object, Utf8Lines.withoutMark(cell.getKey()).strip(), cell.getValue());
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
        if (Overrides.SWITCHES.contains(name)) {
            switch (value.strip()) {
                case "true" -> object.put(name, true);
                case "false" -> object.put(name, false);
                default -> throw new UsageException("expected '" + name + "' to be true or false, got '" + value + "'");
            }
        } else if (Overrides.NUMBERS.contains(name)) {
            try {
                object.put(name, new BigDecimal(value.strip()));
            } catch (NumberFormatException e) {
                throw new UsageException("expected '" + name + "' to be a number, got '" + value + "'", e);
            }
        } else {
            object.put(name, value);
        }
    }

    @Override
    public long line() {
        return line;
    }
}
