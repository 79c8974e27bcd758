package admin

import (
	"time"

	"github.com/jackc/pgproto3/v2"

	"github.com/pgherd/pgherd/internal/livesql"
)

// textColumns are columns of type text.
func textColumns(names ...string) []livesql.Column {
	columns := make([]livesql.Column, len(names))
	for i, name := range names {
		columns[i] = livesql.Column{Name: name, Type: livesql.Text}
	}
	return columns
}

// describe is the RowDescription of a result, or NoData. formats are a portal's
// result format codes; there are none before Bind.
func describe(columns []livesql.Column, formats []int16) pgproto3.BackendMessage {
	if columns == nil {
		return &pgproto3.NoData{}
	}
	fields := make([]pgproto3.FieldDescription, len(columns))
	for i, c := range columns {
		fields[i] = pgproto3.FieldDescription{Name: []byte(c.Name), DataTypeOID: c.Type.OID(), DataTypeSize: c.Type.Size(),
			TypeModifier: -1, Format: formatOf(formats, i)}
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

// dataRow is one row. Times are in UTC, as ParameterStatus said.
func dataRow(row []any, columns []livesql.Column, formats []int16) (*pgproto3.DataRow, error) {
	values := make([][]byte, len(row))
	for i, v := range livesql.Normal(row) {
		if v == nil {
			continue
		}
		if formatOf(formats, i) == pgproto3.TextFormat {
			values[i] = livesql.AppendText([]byte{}, v, columns[i], time.UTC)
			continue
		}
		b, err := livesql.AppendBinary([]byte{}, v, columns[i])
		if err != nil {
			return nil, err
		}
		values[i] = b
	}
	return &pgproto3.DataRow{Values: values}, nil
}

// bindArgs are the values that Bind gives to a query's parameters.
func bindArgs(types []uint32, m *pgproto3.Bind) ([]any, error) {
	if err := checkFormats(m.ParameterFormatCodes, len(m.Parameters)); err != nil {
		return nil, err
	}
	args := make([]any, len(m.Parameters))
	for i, p := range m.Parameters {
		if p == nil {
			continue
		}
		v, err := livesql.DecodeParam(types[i], formatOf(m.ParameterFormatCodes, i), p)
		if err != nil {
			return nil, asSQLError(err)
		}
		args[i] = v
	}
	return args, nil
}
