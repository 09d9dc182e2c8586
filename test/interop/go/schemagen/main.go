// schemagen writes the .schema files of the workload kinds and their protobuf messages from the Go types of the
// Kubernetes API: names, types, field numbers, list keys. What those types do not say (defaults that upstream's code
// sets, columns, words for people) is in kinds.txt and defaults.txt beside this file.
//
//	go run ./schemagen schema DIR    # DIR/*.schema
//	go run ./schemagen protobuf      # the messages, on standard output
package main

import (
	"fmt"
	"os"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "schemagen schema DIR | schemagen protobuf")
		os.Exit(2)
	}
	switch os.Args[1] {
	case "schema":
		writeSchemas(os.Args[2])
	case "protobuf":
		writeMessages(os.Stdout)
	}
}
