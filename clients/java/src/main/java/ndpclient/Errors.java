package ndpclient;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.LocalizedMessage;
import com.google.rpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.util.ArrayList;
import java.util.List;

/** What the registry's errors say. */
final class Errors {
  private Errors() {}

  /**
   * All of it: the code and stable reason, the message for developers in English and for users in
   * Vietnamese, and each field to correct.
   */
  static String describe(StatusRuntimeException error) {
    String reason = "";
    List<String> lines = new ArrayList<>();
    try {
      Status status = StatusProto.fromThrowable(error);
      for (Any detail : status.getDetailsList()) {
        if (detail.is(ErrorInfo.class)) {
          reason = detail.unpack(ErrorInfo.class).getReason();
        } else if (detail.is(LocalizedMessage.class)) {
          LocalizedMessage localized = detail.unpack(LocalizedMessage.class);
          lines.add(localized.getLocale() + ": " + localized.getMessage());
        } else if (detail.is(BadRequest.class)) {
          for (var violation : detail.unpack(BadRequest.class).getFieldViolationsList()) {
            String message = violation.getLocalizedMessage().getMessage();
            lines.add("field " + violation.getField() + ": " + message);
          }
        }
      }
    } catch (InvalidProtocolBufferException malformed) {
      lines.add("details that cannot be read: " + malformed.getMessage());
    }
    var code = error.getStatus().getCode();
    lines.add(0, "error: " + code + " " + reason + ": " + error.getStatus().getDescription());
    return String.join("\n", lines);
  }
}
