package main

import (
	"embed"
	"os"
	"path/filepath"
	"time"

	"pulse/cmd/dev/traffic"
)

// An input is a log and the definitions by which it is folded.
type input struct {
	name        string
	kind        string // of traffic
	definitions string // a file of inputs, or of testdata
	lines       int
	doc         string
}

// inputs are what is measured.
var inputs = []input{
	{"pulse-161", "pulse", "testdata/heroku.yaml", fewLines, "the lines of 2012 and all 161 stats of two clouds"},
	{"router-11", "router", "router-11.yaml", fewLines, "Heroku's router, with eleven stats that need quantiles and unique values"},
	{"json-7", "json", "json-7.yaml", fewLines, "JSON, with seven stats"},
	{"combined-8", "combined", "combined-8.yaml", fewLines, "an access log, with eight stats"},
	{"hostile-161", "hostile", "testdata/heroku.yaml", 40_000, "new values in every field and keys in a new order, with the 161 stats"},
}

//go:embed inputs
var files embed.FS

// fewLines is the length of a log that one turn folds in some milliseconds. Hostile lines
// are more than what a folder remembers.
const fewLines = 8_000

// clouds is what testdata/heroku.yaml asks the environment for.
const clouds = "CLOUDS=example.com,eu.example.com"

// write makes the log and the definitions in a folder.
func (in input) write(root, dir string) error {
	definitions, err := files.ReadFile("inputs/" + in.definitions)
	if err != nil {
		if definitions, err = os.ReadFile(filepath.Join(root, in.definitions)); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, in.name+".yaml"), definitions, 0o600); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(dir, in.name+".log"))
	if err != nil {
		return err
	}
	defer log.Close()
	err = traffic.Write(log, traffic.Options{
		Kind: in.kind, Lines: in.lines, Rate: 8_000, Seed: 1, Garbage: garbage(in.kind),
		Start: time.Date(2012, 11, 22, 9, 0, 0, 0, time.UTC),
	})
	if err != nil {
		return err
	}
	return log.Close()
}

// garbage is the part of the lines that are not of the kind.
func garbage(kind string) float64 {
	if kind == "hostile" {
		return 0
	}
	return 0.01
}
