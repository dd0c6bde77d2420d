//go:build race

package ocireg_test

const raceEnabled = true
