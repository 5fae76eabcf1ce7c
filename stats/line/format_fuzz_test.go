package line

import "testing"

// fuzzFormat parses lines by their look and as being of a format.
func fuzzFormat(f *testing.F, format *Format) {
	for _, sample := range format.Samples {
		f.Add([]byte(sample.Line))
	}
	s, names := fuzzSchema(f)
	used := s.NewScanner()
	f.Fuzz(func(t *testing.T, text []byte) {
		checkParse(t, s, used, names, "", text)
		checkParse(t, s, used, names, Origin(FormatField+"="+format.Name+"&zone=Europe/Berlin"), text)
	})
}

func FuzzCRI(f *testing.F)         { fuzzFormat(f, criFormat) }
func FuzzCompose(f *testing.F)     { fuzzFormat(f, composeFormat) }
func FuzzLog(f *testing.F)         { fuzzFormat(f, logFormat) }
func FuzzNginxError(f *testing.F)  { fuzzFormat(f, nginxErrorFormat) }
func FuzzApacheError(f *testing.F) { fuzzFormat(f, apacheErrorFormat) }
func FuzzHAProxy(f *testing.F)     { fuzzFormat(f, haproxyFormat) }
func FuzzEnvoy(f *testing.F)       { fuzzFormat(f, envoyFormat) }
func FuzzALB(f *testing.F)         { fuzzFormat(f, albFormat) }
func FuzzW3C(f *testing.F)         { fuzzFormat(f, w3cFormat) }
func FuzzSquid(f *testing.F)       { fuzzFormat(f, squidFormat) }
func FuzzKlog(f *testing.F)        { fuzzFormat(f, klogFormat) }
func FuzzCEF(f *testing.F)         { fuzzFormat(f, cefFormat) }
func FuzzPostgres(f *testing.F)    { fuzzFormat(f, postgresFormat) }
func FuzzMySQL(f *testing.F)       { fuzzFormat(f, mysqlFormat) }
func FuzzRedis(f *testing.F)       { fuzzFormat(f, redisFormat) }
func FuzzJSON(f *testing.F)        { fuzzFormat(f, jsonFormat) }
func FuzzAccess(f *testing.F)      { fuzzFormat(f, accessFormat) }
