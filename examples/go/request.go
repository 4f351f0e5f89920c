package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// What the sidecar says of a request in its headers.
type request struct {
	Handler string `json:"handler"`
	Key     string `json:"key"`
	// The key percent-encoded, as it came: the name of a file.
	File         string `json:"-"`
	ID           string `json:"id"`
	Lane         int64  `json:"lane"`
	Offset       int64  `json:"offset"`
	Attempt      int64  `json:"attempt"`
	Member       string `json:"member"`
	FencingToken int64  `json:"fencingToken"`
	RemainingMs  *int64 `json:"remainingMs,omitempty"`
	Body         []byte `json:"-"`
}

func requestOf(r *http.Request) (*request, error) {
	file := r.Header.Get("shardcast-key")
	key, err := url.PathUnescape(file)
	if err != nil {
		return nil, err
	}
	body, err := bodyOf(r)
	if err != nil {
		return nil, err
	}
	found := &request{
		Handler: strings.TrimPrefix(r.URL.Path, "/requests/"),
		Key:     key,
		File:    file,
		ID:      r.Header.Get("idempotency-key"),
		Member:  r.Header.Get("shardcast-member"),
		Body:    body,
	}
	for name, field := range map[string]*int64{
		"shardcast-lane":          &found.Lane,
		"shardcast-offset":        &found.Offset,
		"shardcast-attempt":       &found.Attempt,
		"shardcast-fencing-token": &found.FencingToken,
	} {
		if *field, err = number(r, name); err != nil {
			return nil, err
		}
	}
	if remaining, err := number(r, "shardcast-remaining-ms"); err == nil {
		found.RemainingMs = &remaining
	}
	return found, nil
}

func number(r *http.Request, name string) (int64, error) {
	value, err := strconv.ParseInt(r.Header.Get(name), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: must be a number", name)
	}
	return value, nil
}
