// Prints the Services that there are, and every change of one, until interrupted.
package main

import (
	"cmp"
	"context"
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/ogen-go/ogen/ogenerrors"

	"waypost.example/ogen/waypost"
)

// anonymous is a waypost.SecuritySource without credentials.
type anonymous struct{}

func (anonymous) BearerToken(context.Context, waypost.OperationName) (waypost.BearerToken, error) {
	return waypost.BearerToken{}, ogenerrors.ErrSkipClientSecurity
}

// acceptEvents asks for events, which the generated Watch does not: the server's default is NDJSON.
func acceptEvents(_ context.Context, request *http.Request) error {
	request.Header.Set("Accept", "text/event-stream")
	return nil
}

func main() {
	url := cmp.Or(os.Getenv("BASE_URL"), "http://127.0.0.1:8053")
	client, err := waypost.NewClient(url, anonymous{}, waypost.WithRequestEditor(acceptEvents))
	if err != nil {
		log.Fatal(err)
	}
	query := waypost.WatchParams{Kinds: waypost.NewOptString("Service")}
	answer, err := client.Watch(context.Background(), query)
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Response.Close()
	for {
		event, err := answer.Response.Next(context.Background())
		if err != nil {
			log.Fatal(err)
		}
		if event.Data.IsService() {
			fmt.Println(event.Type, event.Data.Service.Metadata.Name.Value)
		}
	}
}
