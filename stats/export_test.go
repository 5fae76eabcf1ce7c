package stats

// For the tests of package stats_test.
var (
	Options    = options
	DefaultsOf = defaultsOf
	Plain      = plain
	List       = list
	LongKinds  = longKinds
)
