package scenario

//go:generate go test -run TestPublishedSchema . -update
