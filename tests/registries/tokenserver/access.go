package main

import "strings"

// access is one granted resource, as the JWT has it.
type access struct {
	Type    string   `json:"type"`
	Name    string   `json:"name"`
	Actions []string `json:"actions"`
}

func (a access) String() string {
	return a.Type + ":" + a.Name + ":" + strings.Join(a.Actions, ",")
}

// passwords of the users; alice may do everything, bob may pull.
var passwords = map[string]string{"alice": "s3cret:with colon", "bob": "readonly"}

// allowed says whether a user ("" is anybody) may do an action.
func allowed(user, kind, name, action string) bool {
	switch kind {
	case "registry":
		return user == "alice" && name == "catalog" && action == "*"
	case "repository":
		switch user {
		case "alice":
			return action == "pull" || action == "push" || action == "delete"
		case "bob":
			return action == "pull"
		}
		return action == "pull" && strings.HasPrefix(name, "public/")
	}
	return false
}

// grant returns the part of the wanted scopes that the user may have: less than requested is not an error, as the
// specification requires.
func grant(user string, scopes []string) []access {
	granted := []access{}
	for _, scope := range scopes {
		first, last := strings.Index(scope, ":"), strings.LastIndex(scope, ":")
		if first < 0 || first == last {
			continue
		}
		item := access{Type: scope[:first], Name: scope[first+1 : last]}
		for _, action := range strings.Split(scope[last+1:], ",") {
			if allowed(user, item.Type, item.Name, action) {
				item.Actions = append(item.Actions, action)
			}
		}
		if len(item.Actions) > 0 {
			granted = append(granted, item)
		}
	}
	return granted
}
