package stats

import _ "embed"

// Schema is the JSON schema of definitions files, for those who write them with an editor.
//
//go:embed schema.json
var Schema []byte
