//go:build race

package ingest

// raceDetector tells that memory is taken up for the race detector.
const raceDetector = true
