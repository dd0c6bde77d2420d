# frozen_string_literal: true

module Ocireg
  # What a client's calls use when no {Context} is given; the calls in progress, with or without one,
  # and the events of those that are jobs.
  # @api private
  Defaults = Struct.new(:timeout, :log_block, :credentials_block, :calls, :events) do
    def progress_block = nil
    def blob_block = nil
    def enter(_call) = nil
    def leave(_call) = nil
  end
end
