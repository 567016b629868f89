// Prints the Services that there are, and every change of one, until interrupted.
package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"

	"waypost.example/openapi-generator/waypost"
)

func main() {
	url := cmp.Or(os.Getenv("BASE_URL"), "http://127.0.0.1:8053")
	answer, err := http.Get(url + "/watch?kinds=Service")
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	for events := json.NewDecoder(answer.Body); ; {
		var event waypost.WatchEvent
		if err := events.Decode(&event); err != nil {
			log.Fatal(err)
		}
		if service := event.Object.Service; service != nil {
			fmt.Println(event.Type, *service.Metadata.Name)
		}
	}
}
