package admin

import "github.com/jackc/pgproto3/v2"

const textOID = 25 // pg_type: text

// describe is the RowDescription of a result, or NoData. formats are a portal's
// result format codes; there are none before Bind.
func describe(columns []string, formats []int16) pgproto3.BackendMessage {
	if columns == nil {
		return &pgproto3.NoData{}
	}
	fields := make([]pgproto3.FieldDescription, len(columns))
	for i, name := range columns {
		fields[i] = pgproto3.FieldDescription{
			Name: []byte(name), DataTypeOID: textOID, DataTypeSize: -1, TypeModifier: -1, Format: formatOf(formats, i),
		}
	}
	return &pgproto3.RowDescription{Fields: fields}
}

// formatOf is column i's format: none given means text, one is for all.
func formatOf(formats []int16, i int) int16 {
	switch len(formats) {
	case 0:
		return pgproto3.TextFormat
	case 1:
		return formats[0]
	}
	return formats[i]
}

// checkFormats refuses what Bind may not ask for (protocol, section 55.2.3).
func checkFormats(formats []int16, columns int) error {
	if len(formats) > 1 && len(formats) != columns {
		return violation("bind message has %d result formats but the command has %d columns", len(formats), columns)
	}
	for _, f := range formats {
		if f != pgproto3.TextFormat && f != pgproto3.BinaryFormat {
			return newError(codeInvalidParameter, "unsupported format code: %d", f)
		}
	}
	return nil
}

// dataRow is one row; text is the same in both formats.
func dataRow(row []string) *pgproto3.DataRow {
	values := make([][]byte, len(row))
	for i, v := range row {
		values[i] = []byte(v)
	}
	return &pgproto3.DataRow{Values: values}
}
