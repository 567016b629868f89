// Prints the Services that there are, and every change of one, until interrupted.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"

	"waypost.example/oapi-codegen/waypost"
)

func main() {
	client, err := waypost.NewClient(cmp.Or(os.Getenv("BASE_URL"), "http://127.0.0.1:8053"))
	if err != nil {
		log.Fatal(err)
	}
	answer, err := client.Watch(context.Background(), &waypost.WatchParams{Kinds: new("Service")})
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	for events := json.NewDecoder(answer.Body); ; {
		var event waypost.WatchEvent
		if err := events.Decode(&event); err != nil {
			log.Fatal(err)
		}
		if kind, _ := event.Object.Discriminator(); kind == "Service" {
			service, _ := event.Object.AsService()
			fmt.Println(event.Type, *service.Metadata.Name)
		}
	}
}
