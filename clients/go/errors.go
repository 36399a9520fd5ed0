package main

import (
	"fmt"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
)

// describe tells all that an error says: its code and stable reason, the message for developers
// in English and for users in Vietnamese, and each field to correct.
func describe(err error) string {
	said, ok := status.FromError(err)
	if !ok {
		return fmt.Sprintf("error: %v\n", err)
	}
	var reason string
	var lines strings.Builder
	for _, detail := range said.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			reason = detail.GetReason()
		case *errdetails.LocalizedMessage:
			fmt.Fprintf(&lines, "%s: %s\n", detail.GetLocale(), detail.GetMessage())
		case *errdetails.BadRequest:
			for _, violation := range detail.GetFieldViolations() {
				fmt.Fprintf(&lines, "field %s: %s\n",
					violation.GetField(), violation.GetLocalizedMessage().GetMessage())
			}
		}
	}
	return fmt.Sprintf("error: %v %s: %s\n%s", said.Code(), reason, said.Message(), &lines)
}
