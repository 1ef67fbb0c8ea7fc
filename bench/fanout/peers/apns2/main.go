// github.com/sideshow/apns2: what gorush sends to APNs with. Does one job, as the other peers do.
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/sideshow/apns2"
	"github.com/sideshow/apns2/token"
	"golang.org/x/net/http2"
)

const warmUp = 200

type job struct {
	URL       string `json:"url"`
	Authority string `json:"authority"`
	Devices   string `json:"devices"`
	Count     int    `json:"count"`
	InFlight  int    `json:"in_flight"`
	Body      string `json:"body"`
	BundleID  string `json:"bundle_id"`
	Key       string `json:"apns_key"`
	KeyID     string `json:"apns_key_id"`
	TeamID    string `json:"apns_team_id"`
}

func main() {
	var asked job
	must(json.NewDecoder(os.Stdin).Decode(&asked))
	tokens, client := pushTokens(asked), clientFor(asked)
	sendAll(client, asked, tokens[:min(warmUp, len(tokens))])
	cpu, beganAt := cpuSeconds(), time.Now()
	sent := sendAll(client, asked, tokens)
	wall, used := time.Since(beganAt).Seconds(), cpuSeconds()-cpu
	must(json.NewEncoder(os.Stdout).Encode(map[string]float64{
		"sent":           float64(sent),
		"failed":         float64(len(tokens) - sent),
		"wall_s":         wall,
		"cpu_s":          used,
		"peak_memory_mb": float64(usage().Maxrss) / 1024,
	}))
}

func clientFor(asked job) *apns2.Client {
	key, err := token.AuthKeyFromFile(asked.Key)
	must(err)
	authority, err := os.ReadFile(asked.Authority)
	must(err)
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(authority)
	client := apns2.NewTokenClient(&token.Token{AuthKey: key, KeyID: asked.KeyID, TeamID: asked.TeamID})
	client.Host = asked.URL
	// As its own, but for the authority.
	client.HTTPClient = &http.Client{
		Transport: &http2.Transport{
			TLSClientConfig: &tls.Config{RootCAs: trusted},
			ReadIdleTimeout: 15 * time.Second,
		},
		Timeout: apns2.HTTPClientTimeout,
	}
	return client
}

func pushTokens(asked job) []string {
	file, err := os.Open(asked.Devices)
	must(err)
	defer file.Close()
	tokens := make([]string, 0, asked.Count)
	for lines := bufio.NewScanner(file); lines.Scan() && len(tokens) < asked.Count; {
		var device struct {
			Token string `json:"token"`
		}
		must(json.Unmarshal(lines.Bytes(), &device))
		tokens = append(tokens, device.Token)
	}
	return tokens
}

func sendAll(client *apns2.Client, asked job, tokens []string) int {
	var sent atomic.Int64
	var workers sync.WaitGroup
	left := make(chan string)
	for range asked.InFlight {
		workers.Go(func() {
			for one := range left {
				answer, err := client.Push(&apns2.Notification{
					DeviceToken: one,
					Topic:       asked.BundleID,
					Priority:    apns2.PriorityHigh,
					PushType:    apns2.PushTypeAlert,
					Payload:     []byte(asked.Body),
				})
				if err == nil && answer.Sent() {
					sent.Add(1)
				}
			}
		})
	}
	for _, one := range tokens {
		left <- one
	}
	close(left)
	workers.Wait()
	return int(sent.Load())
}

func usage() syscall.Rusage {
	var used syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return used
}

func cpuSeconds() float64 {
	used := usage()
	return time.Duration(used.Utime.Nano() + used.Stime.Nano()).Seconds()
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
