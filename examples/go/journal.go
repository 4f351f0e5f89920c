package main

import (
	"encoding/json"
	"log"
	"os"
	"time"
)

// What was done when, as JSON lines; without a path, nothing.
type journal struct{ path string }

type stamp struct {
	Event string  `json:"event"`
	AtMs  float64 `json:"atMs"`
	Pid   int     `json:"pid"`
}

func stampOf(event string) stamp {
	return stamp{Event: event, AtMs: float64(time.Now().UnixMicro()) / 1000, Pid: os.Getpid()}
}

func (j *journal) write(event string, r *request, status int) {
	j.append(struct {
		stamp
		*request
		Status int `json:"status,omitempty"`
	}{stampOf(event), r, status})
}

func (j *journal) interest(id, member string, percent float64) {
	j.append(struct {
		stamp
		ID      string  `json:"id"`
		Member  string  `json:"member"`
		Percent float64 `json:"percent"`
	}{stampOf("interest"), id, member, percent})
}

// One write, so that lines of several processes stay whole.
func (j *journal) append(line any) {
	if j.path == "" {
		return
	}
	text, err := json.Marshal(line)
	if err != nil {
		log.Fatal(err)
	}
	file, err := os.OpenFile(j.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	if _, err := file.Write(append(text, '\n')); err != nil {
		log.Fatal(err)
	}
}
