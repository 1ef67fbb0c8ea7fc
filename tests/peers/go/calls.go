// Makes calls of the official Go SDK, unmodified: see tests/peers/server_sdks.py.
//
//	calls URL < calls > outcomes
package main

import (
	"encoding/json"
	"log"
	"os"

	pushnotifications "github.com/pusher/push-notifications-go"
)

type given struct {
	InstanceID string              `json:"instanceId"`
	SecretKey  string              `json:"secretKey"`
	Calls      [][]json.RawMessage `json:"calls"`
}

type outcome struct {
	Value any        `json:"value,omitempty"`
	Error *[2]string `json:"error,omitempty"`
}

func main() {
	var wanted given
	must(json.NewDecoder(os.Stdin).Decode(&wanted))
	base := pushnotifications.WithCustomBaseURL(os.Args[1])
	client, err := pushnotifications.New(wanted.InstanceID, wanted.SecretKey, base)
	must(err)
	outcomes := []outcome{}
	for _, call := range wanted.Calls {
		value, err := made(client, call)
		if err != nil {
			outcomes = append(outcomes, outcome{Error: &[2]string{"error", err.Error()}})
			continue
		}
		outcomes = append(outcomes, outcome{Value: value})
	}
	must(json.NewEncoder(os.Stdout).Encode(outcomes))
}

func made(client pushnotifications.PushNotifications, call []json.RawMessage) (any, error) {
	method := read[string](call[0])
	switch method {
	case "publishToInterests":
		id, err := client.PublishToInterests(read[[]string](call[1]), read[map[string]any](call[2]))
		return map[string]string{"publishId": id}, err
	case "publishToUsers":
		id, err := client.PublishToUsers(read[[]string](call[1]), read[map[string]any](call[2]))
		return map[string]string{"publishId": id}, err
	case "generateToken":
		return client.GenerateToken(read[string](call[1]))
	case "deleteUser":
		return nil, client.DeleteUser(read[string](call[1]))
	}
	log.Fatalf("no such method: %s", method)
	return nil, nil
}

func read[T any](raw json.RawMessage) T {
	var value T
	must(json.Unmarshal(raw, &value))
	return value
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
