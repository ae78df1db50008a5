package scenario

//go:generate go run ./schema ../../docs/scenario.schema.json
