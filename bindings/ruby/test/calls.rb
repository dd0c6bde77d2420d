# frozen_string_literal: true

require "set"

# Which of the library's functions the tests have called. With OCIREG_TEST_ALL (tests/ruby.sh sets it when every file is run) a
# function that none of them called is a failure.
module Calls
  SEEN = Set.new

  # Functions that Ruby does not need, and why. They are declared all the same.
  C_ONLY = {
    ocireg_context_cancel_from_signal: "no Ruby code runs in a signal handler: Signal.trap's blocks run later",
    ocireg_error_code: "the status itself, and ocireg_error_json, have it",
    ocireg_error_name: "ocireg_error_json has it",
    ocireg_error_hint: "ocireg_error_json has it",
    ocireg_error_errno: "ocireg_error_json has it",
    ocireg_error_http_status: "ocireg_error_json has it",
    ocireg_image_export_stream: "export_image writes to an IO through a pipe, as all calls do"
  }.freeze

  Ocireg::Native.singleton_class.prepend(
    Module.new do
      Ocireg::Native::SIGNATURES.each_key do |name|
        define_method(name) do |*arguments|
          SEEN << name
          super(*arguments)
        end
      end
    end
  )
  # These were called before calls were recorded: when the gem was loaded.
  SEEN.merge(%i[ocireg_version_number ocireg_status_name])

  def self.missing = Ocireg::Native::SIGNATURES.keys - SEEN.to_a - C_ONLY.keys
end

if ENV["OCIREG_TEST_ALL"]
  Minitest.after_run do
    abort "ruby: no test calls #{Calls.missing.join(", ")}" unless Calls.missing.empty?
  end
end
