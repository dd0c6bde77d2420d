# frozen_string_literal: true

require "delegate"

module Ocireg
  # A context, or a client's defaults, with the progress block of one call.
  # @api private
  class WithProgress < SimpleDelegator
    attr_reader :progress_block

    def self.of(context, block) = block ? new(context, block) : context

    def initialize(context, block)
      super(context)
      @progress_block = block
    end
  end
end
